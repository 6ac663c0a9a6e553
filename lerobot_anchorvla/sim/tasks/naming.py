"""How the parts of one thing among several are called in the model."""


def prefix(named: str) -> str:
    """Before the names of the parts: "drawer" -> "", "upper drawer" -> "upper_", "red bag" -> "red_"."""
    adjective, _, _ = named.rpartition(" ")
    return adjective and f"{adjective}_"
