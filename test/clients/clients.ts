/** Clients for the tests of this room. */
import type { Client } from '../../src/clients/client.ts'
import { type ClientInput, newClient } from '../../src/clients/new-client.ts'

export const created = { createdAt: new Date('2026-01-01T00:00:00Z'), updatedAt: new Date('2026-01-01T00:00:00Z') }

/** A secret that an administrator brings along. */
export const ownSecret = 'kR7vQ2mZ9xT4bW8nL1cF6hJ3pD5sG0yA'

export const examples = {
  spa: { preset: 'spa', name: 'Orders', redirectUris: ['https://app.example/callback'] },
  web: { preset: 'web', name: 'Shop', redirectUris: ['https://shop.example/cb'] },
  native: {
    preset: 'native',
    name: 'Desk',
    redirectUris: ['http://127.0.0.1/cb', 'com.example.desk:/callback', 'https://desk.example/cb'],
  },
  service: { preset: 'service', name: 'Nightly' },
  device: { preset: 'device', name: 'Television' },
} satisfies Record<string, ClientInput>

export const client = (input: ClientInput): Client => ({ ...newClient(input), ...created })

/** The faults with which an input is refused; empty when it is accepted. */
export function faultsOf(act: () => unknown): string[] {
  try {
    act()
    return []
  } catch (error) {
    return (error as { detail: { faults: string[] } }).detail.faults
  }
}
