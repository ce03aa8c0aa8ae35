"""The visitor's page of a configuration: what it promises, and how it reads the store.

Law: nothing is decided here; what the page says of the configuration is what the configuration does.
"""

from proxy.definitions import catalogue_of
from proxy.files import open_reader
from proxy.held import open_held
from proxy.privacy.asking import HeldFiles
from proxy.privacy.page import PrivacyPage
from proxy.privacy.words import Promises, Templates
from proxy.tables import Config
from proxy.tracking.settings import Tracking
from proxy.visitors.cookie import Key
from proxy.visitors.formtokens import FormTokens


def privacy_of(config: Config, keys: tuple[Key, ...], tracking: Tracking) -> PrivacyPage:
    """The page. `keys`: the signing keys, the current one first."""
    promises = Promises(
        retention_days=config.store.retention_days,
        has_other_times=bool(catalogue_of(config.events).retention),
        cookie_days=config.visitor.max_age_days,
        session_minutes=config.session.timeout_minutes,
        forms=config.capture.forms,
        own_events=bool(config.events),
        zone=config.report.zone,
        networks=config.tracking.ip == "masked",
    )
    return PrivacyPage(
        tracking,
        tracking.recorder,
        HeldFiles(lambda: open_held(config), lambda: open_reader(config)),
        FormTokens(key.secret for key in keys),
        Templates(promises, config.site.prefix),
        per_address=config.limits.address_events_per_second,
    )
