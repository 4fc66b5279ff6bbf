"""Names that break whatever does not escape: a page, a log line, a label, a terminal."""

from typing import Final

HOSTILE_NAMES: Final = (
    'quote"inside',
    "back\\slash",
    "line\nfeed",
    "carriage\rreturn",
    "tab\tulator",
    "nul\x00byte",
    "escape\x1b[31mred",
    "emoji \U0001f525\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "rtl \u202eevil\u202c \u0645\u0631\u062d\u0628\u0627",
    "{}",
    "literal\\n newline",
    "x" * 5000,
    '"} 1\n',
    '"} 1\nzerto_up{zvm="forged"} 1\n',
    "<script>alert(1)</script>",
    "separators \u2028 \u2029 \u0085",
    " leading and trailing ",
    "",
    "%s %d ${HOME} {{7*7}}",
    "combining Z\u0351\u036b\u0343\u036a",
)
