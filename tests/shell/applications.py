"""Real applications as upstreams: what people run, each in processes of its own, with data of its own, on a free port.

scripts/setup-apps installs them. Whether one is there is said by a mark (`needs_dokuwiki`), and what it writes goes
below `where`.
"""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from whole import NGINX, answers, ended, free_port, nginx
from wire import ROOT, eventually

APPS = ROOT / ".apps" / "bin"
"""An environment of its own: what these applications need is not what footfall's lock says."""
PHP = shutil.which("php-cgi")
DOKUWIKI = Path("/usr/share/dokuwiki")
ADMINER = Path("/usr/share/adminer")
NCHAN = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
START_SECONDS = 60.0
"""JupyterLab imports for some seconds on an idle machine."""
STOP_SECONDS = 20.0
NAME, PASSWORD, TOKEN = "ada", "correct horse", "battery-staple"
Running = contextlib.AbstractContextManager[int]


def _needs(name: str, found: bool) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not found, reason=f"{name} is not installed (scripts/setup-apps)")


needs_copyparty = _needs("copyparty", (APPS / "copyparty").exists())
needs_jupyterlab = _needs("JupyterLab", (APPS / "jupyter-lab").exists())
needs_django = _needs("Django", bool(list((APPS.parent / "lib").glob("python3*/site-packages/django"))))
needs_nchan = _needs("nginx with nchan", NGINX is not None and NCHAN.exists())
needs_adminer = _needs("Adminer", None not in (NGINX, PHP) and (ADMINER / "adminer.php").exists())
needs_dokuwiki = _needs("DokuWiki", None not in (NGINX, PHP) and (DOKUWIKI / "doku.php").exists())


@contextlib.contextmanager
def running(command: Sequence[str | Path], port: int, where: Path, **environ: str) -> Iterator[int]:
    """A server that listens on `port` until the end."""
    own = dict.fromkeys(("HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"), str(where))
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("FOOTFALL_", "JUPYTER", "PYTHON"))
    }
    words = [str(word) for word in command]
    log = where / "said.txt"
    with log.open("w") as said:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            text=True,
            cwd=where,
            env={**kept, **own, **environ},
        )
    try:
        eventually(lambda: answers(port) or process.poll() is not None, START_SECONDS)
        assert process.poll() is None and answers(port), log.read_text()
        yield port
    finally:
        ended(process, STOP_SECONDS)


@contextlib.contextmanager
def on_disk() -> Iterator[Path]:
    """A folder that is not in memory, where a test's own may be: copyparty keeps nothing that is sent to /dev/shm."""
    with tempfile.TemporaryDirectory(prefix="footfall-", dir="/var/tmp") as where:
        yield Path(where)


def copyparty(where: Path) -> Running:
    """A file server whose uploads can be resumed; what it serves is in `where / "files"`."""
    (where / "files").mkdir(parents=True)
    port = free_port()
    words = ["-i", "127.0.0.1", "-p", str(port), "-v", f"{where / 'files'}::A", "--hist", where / "hist", "-e2dsa"]
    return running([APPS / "copyparty", "-q", "--name", "Files", "--rproxy", "1", *words], port, where)


def jupyterlab(where: Path) -> Running:
    """Notebooks, consoles and terminals over WebSockets, for who knows the password, or for a script the `TOKEN`. What
    they work with is in `where / "work"`."""
    for name in ("work", "labconfig"):
        (where / name).mkdir(parents=True)
    off = {"@jupyterlab/apputils-extension:announcements": True}  # which asks whether it may fetch news
    (where / "labconfig" / "page_config.json").write_text(json.dumps({"disabledExtensions": off}))
    port = free_port()
    salt = "5a17"
    hashed = f"sha1:{salt}:{hashlib.sha1(PASSWORD.encode() + salt.encode()).hexdigest()}"
    options = [
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.allow_root=True",
        "--ServerApp.open_browser=False",
        f"--ServerApp.root_dir={where / 'work'}",
        f"--PasswordIdentityProvider.hashed_password={hashed}",
        f"--IdentityProvider.token={TOKEN}",
        "--LabApp.extension_manager=readonly",
    ]
    own = {"JUPYTER_CONFIG_DIR": str(where), "JUPYTER_DATA_DIR": str(where), "JUPYTER_RUNTIME_DIR": str(where)}
    return running([APPS / "jupyter-lab", *options], port, where, **own, IPYTHONDIR=str(where), SHELL="/bin/sh")


def django(where: Path) -> Running:
    """A site with accounts (django_site.py), by Django's own views."""
    where.mkdir(parents=True)
    port = free_port()
    site = Path(__file__).with_name("django_site.py")
    return running([APPS / "python", site, str(port)], port, where)


def nchan(where: Path) -> Running:
    """A broker of server-sent events: what is sent to `/pub/NAME` is read at `/sub/NAME`. `/` is a page."""
    where.mkdir(parents=True)
    (where / "index.html").write_text("<!doctype html>\n<title>Events</title>\n<p>Here</p>\n")
    server = f"""
    root {where};
    location ~ ^/pub/(\\w+)$ {{ nchan_publisher; nchan_channel_id $1; nchan_message_buffer_length 100; }}
    location ~ ^/sub/(\\w+)$ {{ nchan_subscriber eventsource websocket longpoll; nchan_channel_id $1;
                               nchan_eventsource_ping_interval 1; }}
    """
    return nginx(where / "nginx", http="types { text/html html; }", server=server, main=f"load_module {NCHAN};")


# PHP -----------------------------------------------------------------------------------------------------------------

_PHP_SERVER = """
    root %s;
    index index.php doku.php;
    client_max_body_size 16m;
    location ~ \\.php$ {
        fastcgi_pass 127.0.0.1:%d;
        fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
        fastcgi_param SCRIPT_NAME $fastcgi_script_name;
        fastcgi_param DOCUMENT_ROOT $document_root;
        fastcgi_param DOCUMENT_URI $document_uri;
        fastcgi_param REQUEST_URI $request_uri;
        fastcgi_param REQUEST_METHOD $request_method;
        fastcgi_param QUERY_STRING $query_string;
        fastcgi_param CONTENT_TYPE $content_type;
        fastcgi_param CONTENT_LENGTH $content_length;
        fastcgi_param SERVER_PROTOCOL $server_protocol;
        fastcgi_param SERVER_NAME $server_name;
        fastcgi_param SERVER_PORT $server_port;
        fastcgi_param REMOTE_ADDR $remote_addr;
        fastcgi_param REDIRECT_STATUS 200;
    }
"""
_PHP_TYPES = """
    types { text/html html; text/css css; application/javascript js; image/png png; image/gif gif; image/svg+xml svg;
            image/jpeg jpg; image/x-icon ico; text/plain txt; }
"""


@contextlib.contextmanager
def php(where: Path, root: Path, *settings: str) -> Iterator[int]:
    """The PHP scripts in `root`, behind nginx, as PHP is mostly run."""
    where.mkdir(parents=True, exist_ok=True)
    assert PHP is not None
    options = [f"session.save_path={where}", "upload_max_filesize=16M", "post_max_size=16M", *settings]
    command = [PHP, *(word for option in options for word in ("-d", option)), "-b"]
    port = free_port()
    with (
        running([*command, f"127.0.0.1:{port}"], port, where, PHP_FCGI_CHILDREN="3", PHP_FCGI_MAX_REQUESTS="0"),
        nginx(where / "nginx", http=_PHP_TYPES, server=_PHP_SERVER % (root, port)) as front,
    ):
        yield front


_ADMINER = """<?php
function adminer_object() {
    include_once "%s/plugins/plugin.php";
    foreach (["login-password-less", "version-noverify"] as $name) include_once "%s/plugins/$name.php";
    return new AdminerPlugin([new AdminerLoginPasswordLess(password_hash("%s", PASSWORD_DEFAULT)),
                              new AdminerVersionNoverify()]);
}
include "%s/adminer.php";
"""


def adminer(where: Path) -> Running:
    """Adminer, for an SQLite file that the visitor names."""
    root = where / "root"
    root.mkdir(parents=True)
    (root / "index.php").write_text(_ADMINER % (ADMINER, ADMINER, PASSWORD, ADMINER))
    return php(where, root)


_DOKUWIKI = r"""<?php
define("DOKU_CONF", "%s/conf/");
"""
_DOKUWIKI_CONF = r"""<?php
$conf["title"] = "A wiki";
$conf["savedir"] = "%s/data";
$conf["useacl"] = 1;
$conf["superuser"] = "@admin";
$conf["updatecheck"] = 0;
$conf["canonical"] = 1;
$conf["license"] = "cc-by-sa";
"""
_DOKUWIKI_DATA = "attic cache index locks log media media_attic media_meta meta pages tmp"


def dokuwiki(where: Path) -> Running:
    """A wiki that writes every link with its scheme and host, with one person who may change it."""
    for name in ("conf", *(f"data/{name}" for name in _DOKUWIKI_DATA.split())):
        (where / name).mkdir(parents=True)
    (where / "before.php").write_text(_DOKUWIKI % where)
    (where / "conf" / "local.php").write_text(_DOKUWIKI_CONF % where)
    (where / "conf" / "acl.auth.php").write_text("# <?php exit()?>\n*  @ALL  1\n*  @user  16\n")
    password = hashlib.sha1(PASSWORD.encode()).hexdigest()
    person = f"# <?php exit()?>\n{NAME}:{password}:Ada:ada@wiki.example:admin,user\n"
    (where / "conf" / "users.auth.php").write_text(person)
    for path in (where / "conf").iterdir():  # what is cached is made anew for as long as it is no newer than these
        os.utime(path, (0, 0))
    return php(where, DOKUWIKI, f"auto_prepend_file={where / 'before.php'}")
