"""What a bug report needs: versions, the machine, variables; without secrets or whose it is."""

from ssvrl_mm.environment.machine import describe_machine, processor_name
from ssvrl_mm.environment.packages import describe_packages, describe_video, git_revision
from ssvrl_mm.environment.privacy import without_owner, without_secrets
from ssvrl_mm.environment.report import collect_environment, format_environment

__all__ = [
    'collect_environment',
    'describe_machine',
    'describe_packages',
    'describe_video',
    'format_environment',
    'git_revision',
    'processor_name',
    'without_owner',
    'without_secrets',
]
