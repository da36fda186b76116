import type { Api, Client, ClientId } from './client.ts'

export type NewClient = Omit<Client, 'createdAt' | 'updatedAt' | 'secretRotatedAt' | 'previousSecret'>

export type NewApi = Omit<Api, 'createdAt'>

/** Where clients are kept. Every write makes running nodes drop their cached copy within a second. */
export interface ClientStore {
  find(id: ClientId): Promise<Client | undefined>
  list(): Promise<Client[]>
  /** @throws Failure `client_exists` (conflict), `api_missing` (missing) for an unknown audience. */
  insert(client: NewClient): Promise<Client>
  /** A change of the secret here ends the one before it. @throws Failure `client_missing` (missing), `api_missing` (missing). */
  update(id: ClientId, changes: Partial<Omit<NewClient, 'id'>>): Promise<Client>
  /**
   * Replaces the secret. The secret before it stays valid for `overlapSeconds`; 0 ends it, and so does the next rotation.
   * @throws Failure `client_missing` (missing).
   */
  rotateSecret(id: ClientId, digest: Uint8Array, overlapSeconds: number): Promise<Client>
  /** Ends its grants, codes and refresh tokens with it. @throws Failure `client_missing`. */
  remove(id: ClientId, by?: { actor?: string }): Promise<{ grants: number; refreshTokens: number }>
}

export interface ApiStore {
  find(audience: string): Promise<Api | undefined>
  list(): Promise<Api[]>
  /** @throws Failure `api_exists` (conflict). */
  insert(api: NewApi): Promise<Api>
  /** Replaces all that an API says of itself; its clients stay registered. @throws Failure `api_missing` (missing). */
  update(audience: string, change: (api: Api) => NewApi): Promise<Api>
  /** @throws Failure `api_missing` (missing); `api_in_use` (conflict, names the clients) unless none is registered for it. */
  remove(audience: string): Promise<void>
}
