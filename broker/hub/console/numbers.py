"""Numbers in addresses: as large as a record's number can be, anything longer is a page that does not exist."""

from __future__ import annotations

from werkzeug.routing import IntegerConverter, ValidationError

from broker.hub.row_numbers import number_of


class RecordNumber(IntegerConverter):
    """Takes the place of Flask's `int`: that one lets numbers through which no database can look up."""

    regex = r"[0-9]{1,10}"

    def to_python(self, value: str) -> int:
        """The number. Raises ValidationError, which answers 404."""
        number = number_of(value)
        if number is None:
            raise ValidationError
        return number
