"""Takes out of a report what tells whose it is, or opens anything."""

import getpass
import os
import re
from pathlib import Path

_SECRET = re.compile(r'TOKEN|SECRET|PASSW|CREDENTIAL|(?:^|_)KEY|AUTH', re.IGNORECASE)
# Up to the last @: passwords hold @ and / where nobody encoded them.
_USER_IN_URL = re.compile(r'(\w+://)\S*@')
_QUERY_IN_URL = re.compile(r'(\w+://[^?#\s]+)[?#]\S+')
_SETTING = re.compile(r'([\w.-]+)(\s*=\s*)([^\s;,&:]+)')


def without_secrets(name: str, value: str) -> str:
    """The value of a variable, without what opens anything.

    Args:
        name: Of the variable: of a token or a key only that it is set is told.
        value: What it says. Addresses lose users, passwords and signatures, and
            ``token=...`` within it is masked.

    Example:
        >>> without_secrets('SSVRL_MM_ZOO', 'https://me:word@host/zoo?signature=1')
        'https://***@host/zoo?***'
    """
    if _SECRET.search(name):
        return '(set, not shown)'
    value = _USER_IN_URL.sub(r'\1***@', value)
    value = _QUERY_IN_URL.sub(r'\1?***', value)
    return _SETTING.sub(_masked, value)


def _masked(setting: re.Match[str]) -> str:
    """``name=value`` without the value where the name is that of a secret."""
    name, sign, value = setting.groups()
    return f'{name}{sign}{"***" if _SECRET.search(name) else value}'


def without_owner(text: str) -> str:
    """A text in which the home is ``~``, and the user's name in other paths ``USER``.

    Args:
        text: Of a report.
    """
    home = os.path.expanduser('~')
    for folder in dict.fromkeys([home, str(Path(home).resolve())]):
        if len(Path(folder).parts) > 1:
            text = re.sub(rf'{re.escape(folder)}(?![\w.-])', '~', text)
    for name in dict.fromkeys([_user(), Path(home).name]):
        if name:
            text = re.sub(rf'(?<=[/\\]){re.escape(name)}(?![\w.-])', 'USER', text)
    return text


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's number without a name
        return ''
