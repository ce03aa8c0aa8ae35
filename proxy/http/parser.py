"""httptools under names of ours, in one place (its only importer): llhttp, the parser of Node.

Callbacks (`on_url`, `on_header`, `on_headers_complete`, `on_body`, `on_message_complete`)
are methods of the object given; what they raise comes out of `feed_data` as the `__context__` of a CallbackError.
"""

from httptools import HttpParserCallbackError as CallbackError
from httptools import HttpParserError as ParserError
from httptools import HttpParserInvalidMethodError as UnknownMethod
from httptools import HttpParserUpgrade as Upgrade
from httptools import HttpRequestParser as RequestParser
from httptools import HttpResponseParser as AnswerParser

__all__ = ["AnswerParser", "CallbackError", "ParserError", "RequestParser", "UnknownMethod", "Upgrade", "answer_parser"]


def answer_parser(callbacks: object) -> AnswerParser:
    """A parser of answers that lets Content-Length and Transfer-Encoding through together, so that the latter can win
    and the connection close (RFC 9112 6.3); the default is an error."""
    parser = AnswerParser(callbacks)
    parser.set_dangerous_leniencies(lenient_chunked_length=True)
    return parser
