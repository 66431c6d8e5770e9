"""What the page and the command line tell in a sentence."""


class ViewerError(Exception):
    """Something that a person asked for and cannot have, in words for that person.

    Args:
        message: A sentence; it names no folder of this machine.
        status: HTTP status of the answer.

    Attributes:
        status: HTTP status of the answer.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
