/** The two public documents that every verifier fetches. */
import { expectStatus, type Flow } from './flow.ts'

/** GET of the key set. */
export const jwks: Flow =
  async ({ http, target }) =>
  async () => {
    expectStatus(await http.get(target.endpoints.jwks), 'GET JWKS', 200)
  }

/** GET of the discovery document. */
export const discovery: Flow =
  async ({ http, target }) =>
  async () => {
    expectStatus(await http.get(target.endpoints.discovery), 'GET discovery', 200)
  }
