/** What the load generator has to know of a contender; plain data, so that it crosses process borders. */
export interface AppClient {
  clientId: string
  redirectUri: string
  scope: string
}

export interface ServiceClient {
  clientId: string
  clientSecret: string
  scope: string
}

export interface Person {
  login: string
  password: string
}

export interface Target {
  issuer: string
  /** Paths, taken from the discovery document. */
  endpoints: { discovery: string; jwks: string; authorization: string; token: string }
  /** Its refresh tokens live to their own limits. */
  app: AppClient
  /** Its refresh tokens end with the browser session. */
  boundApp: AppClient
  service: ServiceClient
  people: Person[]
}

export const discoveryPath = '/.well-known/openid-configuration'

/** Reads the paths that a contender announces. */
export async function discoverEndpoints(issuer: string): Promise<Target['endpoints']> {
  const response = await fetch(`${issuer}${discoveryPath}`)
  if (!response.ok) throw new Error(`${issuer}${discoveryPath} answered ${response.status}`)
  const document = (await response.json()) as Record<string, string>
  const pathOf = (name: string) => new URL(String(document[name])).pathname
  return {
    discovery: discoveryPath,
    jwks: pathOf('jwks_uri'),
    authorization: pathOf('authorization_endpoint'),
    token: pathOf('token_endpoint'),
  }
}
