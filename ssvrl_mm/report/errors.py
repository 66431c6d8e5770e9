"""What keeps a report from being written."""


class ReportError(ValueError):
    """A folder that is no run of ours, or a page that cannot be made; the message says which."""
