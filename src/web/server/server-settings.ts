/** How patient the HTTP server is; hand it to `http.createServer`. */
import type { ServerOptions } from 'node:http'

export const serverSettings = {
  /** A client gets so long for its headers, and so long for the whole request. */
  headersTimeout: 10_000,
  requestTimeout: 20_000,
  connectionsCheckingInterval: 2_000,
  /** Longer than the idle time of the usual load balancers, so that they never write into a closing connection. */
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16_384,
  // A missing Host is answered by us, in our words.
  requireHostHeader: false,
  noDelay: true,
} as const satisfies ServerOptions
