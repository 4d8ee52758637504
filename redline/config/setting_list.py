"""Every setting there is, in one tuple: it feeds the defaults, the names in the environment, the flags and the docs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum


class Kind(Enum):
    """What the value of a setting is."""

    FOLDER = "folder"
    HOST = "host"
    PORT = "port"
    HOSTS = "hosts"
    HOSTS_AND_PORTS = "hosts and ports"
    ADDRESS = "address"
    PASSWORD = "password"  # noqa: S105 - a word
    SECRET = "secret"  # noqa: S105 - a word
    API_KEY = "API key"


class Origin(StrEnum):
    """Who said so."""

    ARGUMENT = "argument"
    ENVIRONMENT = "environment"
    SETTINGS = "settings"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be set. ``env``: its names in the environment, the first that is set wins.

    ``default`` is the value as one would type it, None where there is none or where it depends on the machine; then
    ``otherwise`` says in words what holds. ``on_page``: the Settings page may save it in ``settings.json``.
    """

    name: str
    default: str | None
    help: str
    kind: Kind
    env: tuple[str, ...]
    otherwise: str = "none"
    secret: bool = False
    on_page: bool = False


SETTINGS: tuple[Setting, ...] = (
    Setting("home", "data", "Folder of the store, the job database, exports and logs.", Kind.FOLDER, ("REDLINE_HOME",)),
    Setting(
        "state_dir",
        None,
        "Folder of the request budgets, shared by all that this user runs.",
        Kind.FOLDER,
        ("REDLINE_STATE_DIR",),
        otherwise="the user's state folder",
    ),
    Setting(
        "config_dir",
        None,
        "Folder of api_keys.json and settings.json.",
        Kind.FOLDER,
        ("REDLINE_CONFIG_DIR",),
        otherwise="redline/config in a clone that can be written, else the user's config folder",
    ),
    Setting(
        "master_key",
        None,
        "What the saved API keys are encrypted with: 32 bytes as hex or base64, or a passphrase.",
        Kind.SECRET,
        ("REDLINE_MASTER_KEY",),
        secret=True,
    ),
    Setting(
        "key_file",
        None,
        "File that holds the master key when REDLINE_MASTER_KEY is not set.",
        Kind.FOLDER,
        ("REDLINE_KEY_FILE",),
        otherwise="a 0600 file in the user's own config folder, made at the first start",
    ),
    Setting("host", "127.0.0.1", "Address to listen on.", Kind.HOST, ("REDLINE_HOST",), on_page=True),
    Setting("port", "8080", "Port to listen on; 0 for any free one.", Kind.PORT, ("REDLINE_PORT",), on_page=True),
    Setting(
        "password",
        None,
        "Password of the web pages; needed to listen on anything but loopback.",
        Kind.PASSWORD,
        ("REDLINE_PASSWORD",),
        secret=True,
    ),
    Setting(
        "server_names",
        None,
        "Further Host names that the server answers to, by comma.",
        Kind.HOSTS,
        ("REDLINE_SERVER_NAMES",),
        otherwise="the loopback names and the bound address",
        on_page=True,
    ),
    Setting(
        "massive_api_key",
        None,
        "API key of Massive.com.",
        Kind.API_KEY,
        ("MASSIVE_API_KEY", "POLYGON_API_KEY"),
        secret=True,
    ),
    Setting(
        "massive_api_base_url",
        "https://api.massive.com",
        "Where Massive.com's REST interface is; http only on loopback or for an allowed host.",
        Kind.ADDRESS,
        ("MASSIVE_API_BASE_URL",),
        on_page=True,
    ),
    Setting(
        "yahoo_base_url",
        "https://query2.finance.yahoo.com",
        "Where Yahoo's chart is; it takes no key.",
        Kind.ADDRESS,
        ("YAHOO_BASE_URL",),
        on_page=True,
    ),
    Setting(
        "stooq_api_key",
        None,
        "API key of Stooq.",
        Kind.API_KEY,
        ("STOOQ_API_KEY",),
        secret=True,
    ),
    Setting(
        "stooq_base_url",
        "https://stooq.com",
        "Where Stooq's CSV is; http only on loopback or for an allowed host.",
        Kind.ADDRESS,
        ("STOOQ_BASE_URL",),
        on_page=True,
    ),
    Setting(
        "allowed_hosts",
        None,
        "Outgoing: hosts (name or name:port, by comma) that may be reached although not public, http included.",
        Kind.HOSTS_AND_PORTS,
        ("REDLINE_ALLOWED_HOSTS",),
        on_page=True,
    ),
)
