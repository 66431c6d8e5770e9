"""What can go wrong between the name of a model and its weights; each message says what to do."""


class ZooError(Exception):
    """Base of the errors of the model zoo."""


class ModelNotFoundError(ZooError, ValueError):
    """A name that the model index does not list, or lists without weights."""


class ModelIndexError(ZooError, ValueError):
    """A model index, or a metafile that it names, is not as it has to be; it says where."""


class AddressError(ZooError, ValueError):
    """A base URL, or the URL of a file, is none that files can be fetched from."""


class WeightsNotFoundError(ZooError):
    """The file of a model is in none of the places where it was looked for."""


class OfflineError(WeightsNotFoundError):
    """The file is not on this machine, and nothing else may be asked."""


class WrongHashError(ZooError):
    """A file is not the one that the index lists: its SHA-256 is another one."""


class DownloadError(ZooError):
    """A server, or the way to it, does not give the file."""


class StorageError(ZooError):
    """A file cannot be written where it belongs."""


class NoSpaceError(StorageError):
    """The disk has no room for the file."""
