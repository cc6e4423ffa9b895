"""What is said where an extra is needed that is not installed."""

from loader.errors import ConfigurationError


def missing_extra(setting: str, extra: str, package: str) -> ConfigurationError:
    """Give the error: what needs it, and how to install it.

    Args:
        setting: what asks for it, as written in the settings file or as a flag.
        extra: of this package.
        package: the package that is missing, or whose version cannot be imported.
    """
    return ConfigurationError(
        f"{setting} needs {package}, which is not installed: pip install 'leadloader[{extra}]'"
    )
