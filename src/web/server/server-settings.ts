/** Timeouts and limits of the HTTP server, for `http.createServer`. */
import type { ServerOptions } from 'node:http'

export const serverSettings = {
  /** The longest time to receive the headers, and the whole request. */
  headersTimeout: 10_000,
  requestTimeout: 20_000,
  connectionsCheckingInterval: 2_000,
  /** Longer than the idle timeout of common load balancers, so that they never write into a closing connection. */
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16_384,
  // `gate.ts` answers a missing Host header, not Node.
  requireHostHeader: false,
  noDelay: true,
} as const satisfies ServerOptions
