/** The list of all nouns of the command line. A noun's code is loaded only when it is called. */
import type { Command } from 'commander'
import type { Invocation } from './invocation.ts'

/** Adds one command, or a noun's commands, to `parent`. */
export type AddCommand = (parent: Command, invocation: Invocation) => void

export interface Noun {
  name: string
  summary: string
  group: string
  load(): Promise<AddCommand>
}

const server = 'Server:'
const people = 'People:'
const apps = 'Apps and APIs:'
const safety = 'Keys and records:'

export const nouns: readonly Noun[] = [
  { name: 'start', group: server, summary: 'serve', load: async () => (await import('./start.ts')).start },
  {
    name: 'signer',
    group: server,
    summary: 'hold the private keys in a separate process',
    load: async () => (await import('./signer.ts')).signer,
  },
  {
    name: 'migrate',
    group: server,
    summary: 'bring the database schema up to date',
    load: async () => (await import('./migrate.ts')).migrate,
  },
  {
    name: 'doctor',
    group: server,
    summary: 'check this deployment, and show how to fix each fault',
    load: async () => (await import('./doctor/doctor.ts')).doctor,
  },
  {
    name: 'config',
    group: server,
    summary: 'the options in force and where they come from',
    load: async () => (await import('./config/config.ts')).config,
  },
  {
    name: 'admin',
    group: people,
    summary: 'administrators',
    load: async () => (await import('./admin/admin.ts')).admin,
  },
  {
    name: 'users',
    group: people,
    summary: 'people who sign in',
    load: async () => (await import('./users/users.ts')).users,
  },
  {
    name: 'sessions',
    group: people,
    summary: 'browser sessions',
    load: async () => (await import('./sessions/sessions.ts')).sessions,
  },
  {
    name: 'clients',
    group: apps,
    summary: 'apps that sign people in or call APIs',
    load: async () => (await import('./clients/clients.ts')).clients,
  },
  {
    name: 'apis',
    group: apps,
    summary: 'APIs that accept access tokens',
    load: async () => (await import('./apis/apis.ts')).apis,
  },
  {
    name: 'streams',
    group: apps,
    summary: 'event streams to receivers (Shared Signals)',
    load: async () => (await import('./streams/streams.ts')).streams,
  },
  {
    name: 'tokens',
    group: safety,
    summary: 'inspect and revoke issued tokens',
    load: async () => (await import('./tokens/tokens.ts')).tokens,
  },
  { name: 'keys', group: safety, summary: 'signing keys', load: async () => (await import('./keys/keys.ts')).keys },
  {
    name: 'secrets',
    group: safety,
    summary: 'the key-encryption key, and the keys that sign cookies',
    load: async () => (await import('./secrets/secrets.ts')).secrets,
  },
  {
    name: 'events',
    group: safety,
    summary: 'the audit log',
    load: async () => (await import('./events/events.ts')).events,
  },
]
