"""The settings list and the encrypted key vault: what an installation is told, and what it keeps secret."""

from redline.config.access import Access
from redline.config.key_in import KeyIn
from redline.config.keys import Key, KeyOut, KeyRing, open_vault
from redline.config.master_key import MasterKeys
from redline.config.secret import Secret
from redline.config.setting_list import SETTINGS, Kind, Origin, Setting
from redline.config.settings import Settings, load
from redline.config.vault import Row, Vault

__all__ = [
    "SETTINGS",
    "Access",
    "Key",
    "KeyIn",
    "KeyOut",
    "KeyRing",
    "Kind",
    "MasterKeys",
    "Origin",
    "Row",
    "Secret",
    "Setting",
    "Settings",
    "Vault",
    "load",
    "open_vault",
]
