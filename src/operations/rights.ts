/** The rights that operations ask for; each is a scope `claviger:<right>` of the admin API. */
export const rights = [
  'people.read',
  'people.write',
  'people.remove',
  'people.recover',
  'clients.write',
  'clients.secrets',
  'apis.write',
  'sessions.end',
  'tokens.revoke',
  'streams.write',
  'admins.write',
] as const

export type Right = (typeof rights)[number]
