"""What a user is told about bad input: one printable line of bounded length."""

import difflib

MAX_MESSAGE, MAX_QUOTED = 480, 60


class ConfigError(ValueError):
    """Invalid configuration, told in one line of at most 500 printable characters."""

    def __init__(self, message):
        super().__init__(one_line(message))


def one_line(message):
    """The message with what does not print escaped, and its middle left out if it is long."""
    return shortened(message, MAX_MESSAGE)


def shortened(value, most=MAX_QUOTED):
    """Text of a value, printable, in at most this many characters: its start and its end."""
    text = str(value)
    text = text if len(text) <= 2 * most else f"{text[:most]}{text[-most:]}"
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    half = (most - 3) // 2
    return text if len(text) <= most else f"{text[:half]}...{text[-half:]}"


def nearest(name, valid):
    """'did you mean ...?' if a valid name is near, else the list of valid names."""
    close = difflib.get_close_matches(str(name)[:100], map(str, valid), n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else f"valid: {', '.join(map(str, valid))}"
