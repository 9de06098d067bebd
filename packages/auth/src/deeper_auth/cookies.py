"""The cookie in which a browser keeps its refresh token, where no script can read it. Knows headers, and no server."""

from collections.abc import Mapping

from deeper_auth.session_services import TokenPair
from deeper_core.errors import Forbidden, InvalidRefreshToken

# RFC 6265bis section 4.1.3.2: a browser takes such a cookie from the host itself only, over TLS, for every path.
_PREFIX = "__Host-"
_ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Strict"


class RefreshCookie:
    """Sets, clears and reads the cookie.

    Headers are handed in by their names in lower case. Pages of ``allowed_origins`` may use the cookie besides those of
    the server's own origin; an origin is written as browsers do: ``https://chat.example.org``.

    Raises:
        ValueError: ``name`` does not begin with ``__Host-``, so that another host of the domain could set the cookie.
    """

    def __init__(self, name: str = "__Host-refresh", *, allowed_origins: tuple[str, ...] = ()) -> None:
        if not name.startswith(_PREFIX):
            raise ValueError(f"the name of the cookie begins with {_PREFIX}")
        self._name = name
        self._allowed_origins = allowed_origins

    def set(self, pair: TokenPair) -> str:
        """Return the value of the Set-Cookie header that gives the refresh token of ``pair`` to a browser."""
        lifetime = pair.session.expires_at - pair.session.rotated_at
        return f"{self._name}={pair.refresh_token}; Max-Age={int(lifetime.total_seconds())}; {_ATTRIBUTES}"

    def clear(self) -> str:
        """Return the value of the Set-Cookie header that makes a browser forget the token."""
        return f"{self._name}=; Max-Age=0; {_ATTRIBUTES}"

    def read(self, headers: Mapping[str, str]) -> str:
        """Return the refresh token of a request. It is as the client sent it, and proves nothing yet.

        Raises:
            InvalidRefreshToken: there is no such cookie.
            Forbidden: the page that asks is of another origin, and not an allowed one. Browsers tell by Sec-Fetch-Site,
                older ones by Origin alone; programs that are no browsers send neither.
        """
        pairs = (pair.strip(" ").partition("=") for pair in headers.get("cookie", "").split(";"))
        token = next((value for name, _, value in pairs if name == self._name), "")
        if not token:
            raise InvalidRefreshToken
        if not self._is_own_page(headers):
            raise Forbidden("This page's origin may not use the session cookie.")
        return token

    def _is_own_page(self, headers: Mapping[str, str]) -> bool:
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin is not None and origin in self._allowed_origins:
            return True
        if site is not None:
            return site in {"same-origin", "none"}
        return origin is None or "" != origin.partition("://")[2] == headers.get("host")
