/** The example API as the resource server of the tests, on a free port. */
import { startApi } from '../../examples/api/server.ts'
import { freePort } from './free-port.ts'

export interface ResourceServer {
  audience: string
  /** Calls it as a program would. */
  call(path: string, accessToken?: string, init?: RequestInit): Promise<Response>
  stop(): Promise<void>
}

/** @param audience what the API is registered as; the provider must know it */
export async function startResourceServer(
  issuer: string,
  audience: string,
  spaOrigin = 'http://localhost:9401',
): Promise<ResourceServer> {
  const port = await freePort()
  const api = await startApi({ port, issuer, audience, spaOrigin })
  return {
    audience,
    call(path, accessToken, init = {}) {
      const headers = new Headers(init.headers)
      if (accessToken !== undefined) headers.set('authorization', `Bearer ${accessToken}`)
      return fetch(new URL(path, api.url), { ...init, headers })
    },
    stop: api.stop,
  }
}
