"""The small expression language of scenarios: variables, the time, and arithmetic strictly from left to right."""

import re

from holdfast.lab.rpl import ScenarioError

TOKEN = re.compile(r"\s*([-+*/]|[\d.]+)")


class Variables:
    """Variables by name."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def assign(self, text: str, now_us: int, deadline_us: int) -> None:
        """Carry out `name = expression`."""
        name, _, expression = text.partition("=")
        self._values[name.strip()] = self.expand(expression.strip(), now_us, deadline_us)

    def number(self, text: str, now_us: int, wait_us: int) -> float:
        """Return the value of an expression as a number. Raises ScenarioError if it is none."""
        expanded = self.expand(text, now_us, wait_us)
        try:
            return float(expanded)
        except ValueError:
            raise ScenarioError(f"not a number of seconds: {text!r}") from None

    def expand(self, text: str, now_us: int, wait_us: int) -> str:
        """Replace each ${...} by its value, the innermost first."""
        while "${" in text:
            start = text.rindex("${")
            end = text.find("}", start)
            if end < 0:
                raise ScenarioError(f"a }} is missing in {text!r}")
            text = text[:start] + self._value(text[start + 2 : end].strip(), now_us, wait_us) + text[end + 1 :]
        return text

    def _value(self, inner: str, now_us: int, wait_us: int) -> str:
        """Return the value of what stands in ${...}."""
        inner = re.sub(r"\$(\w+)", lambda found: self._values.get(found.group(1), "0"), inner)
        if inner == "time":
            return str(now_us // 1_000_000)
        if inner == "timeout":
            return str(wait_us / 1_000_000)
        words = inner.split()
        if words and words[0] == "range":
            if len(words) != 4 or not float(words[1]) <= float(words[2]) <= float(words[3]):
                raise ScenarioError(f"out of range: {inner}")
            return words[2]
        if words and words[0] == "ctime":
            return " ".join(words[1:])
        return _calculate(inner)


def _calculate(text: str) -> str:
    """Evaluate numbers and operators from left to right."""
    result = 0.0
    operator = "+"
    at = 0
    while at < len(text.rstrip()):
        found = TOKEN.match(text, at)
        if found is None:
            return text
        at = found.end()
        token = found.group(1)
        if token in "+-*/" and len(token) == 1:
            operator = token
            continue
        value = float(token)
        if operator == "+":
            result += value
        elif operator == "-":
            result -= value
        elif operator == "*":
            result *= value
        else:
            result /= value or 1
    return str(result)
