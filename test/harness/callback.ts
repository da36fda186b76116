/** The bare bones of an app: a page at the redirect URI, on another site than the provider. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface CallbackServer {
  redirectUri: string
  stop(): Promise<void>
}

export async function startCallback(): Promise<CallbackServer> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html')
    response.end('<!doctype html><html lang="en"><title>The app</title><h1>The app</h1>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const redirectUri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`
  return {
    redirectUri,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
