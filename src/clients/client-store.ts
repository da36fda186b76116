import type { Api, Client, ClientId } from './client.ts'

export type NewClient = Omit<Client, 'createdAt' | 'updatedAt' | 'secretRotatedAt' | 'previousSecret'>

export type NewApi = Omit<Api, 'createdAt'>

/** The store of clients. After every write, running nodes drop their cached copy within a second. */
export interface ClientStore {
  find(id: ClientId): Promise<Client | undefined>
  list(): Promise<Client[]>
  /** @throws Failure `client_exists` (conflict), `api_missing` (missing) for an unknown audience. */
  insert(client: NewClient): Promise<Client>
  /** A new secret here invalidates the previous secret. @throws Failure `client_missing` (missing), `api_missing` (missing). */
  update(id: ClientId, changes: Partial<Omit<NewClient, 'id'>>): Promise<Client>
  /**
   * Replaces the secret. The old secret stays valid for `overlapSeconds`, or until the next rotation.
   * @throws Failure `client_missing` (missing).
   */
  rotateSecret(id: ClientId, digest: Uint8Array, overlapSeconds: number): Promise<Client>
  /** Removes the client and revokes its grants, codes and refresh tokens. @throws Failure `client_missing`. */
  remove(id: ClientId, by?: { actor?: string }): Promise<{ grants: number; refreshTokens: number }>
}

export interface ApiStore {
  find(audience: string): Promise<Api | undefined>
  list(): Promise<Api[]>
  /** @throws Failure `api_exists` (conflict). */
  insert(api: NewApi): Promise<Api>
  /** Replaces the settings of an API; its clients stay registered. @throws Failure `api_missing` (missing). */
  update(audience: string, change: (api: Api) => NewApi): Promise<Api>
  /** @throws Failure `api_missing` (missing); `api_in_use` (conflict, names the clients) unless none is registered for it. */
  remove(audience: string): Promise<void>
}
