"""A small site with accounts, as Django makes them: its own log-in view, its own user-creation form, its own checks.

Run by the tests in Django's environment: `python django_site.py PORT`, with its database in the working directory.
"""

import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.conf import settings

FORM = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title></head><body>
<h1>{{ title }}</h1><form method="post" data-track-form="{{ form_name }}">{% csrf_token %}
{% if form.errors %}<p class="errors">Please look at it again.</p>{% endif %}
<p><label>Name <input name="username" data-track-field="name" value="{{ form.username.value|default_if_none:'' }}">
</label></p>
{% for field in passwords %}<p><label>{{ field }}
<input type="password" name="{{ field }}" data-track-field="{{ field }}"></label></p>{% endfor %}
<button>{{ title }}</button></form></body></html>"""
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Account</title></head><body>
<p>Hello {{ user.username }}</p><form method="post" action="/accounts/logout/" data-track-form="log-out">
{% csrf_token %}<button>Log out</button></form></body></html>"""

settings.configure(
    ALLOWED_HOSTS=["*"],
    AUTH_PASSWORD_VALIDATORS=[
        {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
        {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "accounts.sqlite3"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    LOGIN_REDIRECT_URL="/accounts/profile/",
    LOGOUT_REDIRECT_URL="/accounts/login/",
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    ROOT_URLCONF=__name__,
    SECRET_KEY="a made-up site's, for tests",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                ],
                "loaders": [("django.template.loaders.locmem.Loader", {"form.html": FORM, "page.html": PAGE})],
            },
        }
    ],
)
django.setup()

from django.contrib.auth.decorators import login_required  # noqa: E402
from django.contrib.auth.forms import UserCreationForm  # noqa: E402
from django.contrib.auth.views import LoginView, LogoutView  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.generic import CreateView, TemplateView  # noqa: E402

LOGIN = "/accounts/login/"


def form(title: str, name: str, *passwords: str) -> dict[str, object]:
    """What a view of the one form's template says."""
    return {
        "template_name": "form.html",
        "extra_context": {"title": title, "form_name": name, "passwords": passwords},
    }


class SignUp(CreateView):
    form_class = UserCreationForm
    success_url = LOGIN


profile = login_required(TemplateView.as_view(template_name="page.html"), login_url=LOGIN)
urlpatterns = [
    path("accounts/login/", LoginView.as_view(**form("Log in", "log-in", "password"))),
    path("accounts/signup/", SignUp.as_view(**form("Sign up", "sign-up", "password1", "password2"))),
    path("accounts/logout/", LogoutView.as_view()),
    path("accounts/profile/", profile),
]


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *words: object) -> None:
        pass


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    make_server("127.0.0.1", int(sys.argv[1]), get_wsgi_application(), Server, Quiet).serve_forever()
