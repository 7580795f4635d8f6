/** Limits both transports share, each with what happens when it is reached. */

/** Request line and headers together (spec: rest.md §1): 1 MiB must pass; room for the other headers is on top. 431 beyond. */
export const REQUEST_HEAD_BYTES_MAX = 1024 * 1024 + 64 * 1024;
/** A peer whose TLS handshake or request head is not whole by then is dropped. */
export const HANDSHAKE_MS = 10_000;
/** While the transport closes: how long answers and close frames may take to leave. */
export const CLOSE_GRACE_MS = 500;

/** Close codes of RFC 6455. */
export const CLOSE = { goingAway: 1001, unacceptable: 1003, tooLarge: 1009 } as const;
