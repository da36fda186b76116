import { isRecord, type PeopleForm, type PersonRecord, picked, present, refusedRow, textOf } from './people-form.ts'

/** Keycloak maps these attributes to claims of the same name. */
const claimAttributes = ['nickname', 'profile', 'picture', 'website', 'gender', 'birthdate', 'zoneinfo', 'locale']

/** `kc.sh export`: the users of a realm. The console's own export omits them. */
export const keycloak: PeopleForm = {
  name: 'a Keycloak realm export',
  isLenient: true,
  recognises: (record) =>
    'username' in record &&
    ['credentials', 'createdTimestamp', 'requiredActions', 'enabled'].some((one) => one in record),
  read(record) {
    if (record['serviceAccountClientId'] !== undefined)
      throw refusedRow('is the service account of a client, not a person.')
    const attributes = isRecord(record['attributes']) ? record['attributes'] : {}
    const attribute = (name: string) => (Array.isArray(attributes[name]) ? textOf(attributes[name][0]) : undefined)
    const { firstName, lastName, username, email, emailVerified, enabled } = record
    return present({
      sub: record['id'],
      email,
      email_verified: emailVerified,
      name: [textOf(firstName), textOf(lastName)].filter((part) => part !== undefined).join(' ') || undefined,
      disabled: enabled === false,
      claims: present({
        given_name: textOf(firstName),
        family_name: textOf(lastName),
        preferred_username: username === email ? undefined : textOf(username),
        phone_number: attribute('phoneNumber'),
        ...picked(Object.fromEntries(claimAttributes.map((name) => [name, attribute(name)])), claimAttributes),
      }),
      password_hash: passwordHash(record['credentials']),
    })
  },
}

function passwordHash(credentials: unknown): string | undefined {
  const list: unknown[] = Array.isArray(credentials) ? credentials : []
  const password = list.filter(isRecord).find(({ type }) => type === 'password')
  if (!password) return undefined
  const secret = embedded(password['secretData'])
  const settings = embedded(password['credentialData'])
  const algorithm = String(settings['algorithm'])
  const parts = { salt: textOf(secret['salt']), value: textOf(secret['value']), iterations: settings['hashIterations'] }
  if (algorithm === 'argon2') return argon2(parts, settings['additionalParameters'])
  const hash = pbkdf2Hashes[algorithm]
  if (hash !== undefined) return pbkdf2(hash, parts)
  throw refusedRow('has a password of an algorithm that cannot be imported; argon2 and pbkdf2 can.')
}

const pbkdf2Hashes: Readonly<Record<string, string>> = {
  pbkdf2: 'sha1',
  'pbkdf2-sha256': 'sha256',
  'pbkdf2-sha512': 'sha512',
}

interface Parts {
  salt: string | undefined
  value: string | undefined
  iterations: unknown
}

/**
 * Keycloak derives 64 bytes with any hash. The first block is sufficient to compare, and costs only a part of the work.
 */
function pbkdf2(hash: string, { salt, value, iterations }: Parts): string {
  const block = { sha1: 20, sha256: 32, sha512: 64 }[hash] ?? 64
  const derived = Buffer.from(value ?? '', 'base64').subarray(0, block)
  return `$pbkdf2-${hash}$i=${iterations}$${salt}$${derived.toString('base64')}`
}

function argon2({ salt, value, iterations }: Parts, additional: unknown): string {
  const parameters = isRecord(additional) ? additional : {}
  const first = (name: string) => String(Array.isArray(parameters[name]) ? parameters[name][0] : '')
  const version = { '1.0': 16, '1.3': 19 }[first('version')]
  const costs = `m=${first('memory')},t=${iterations},p=${first('parallelism')}`
  return `$argon2${first('type')}$v=${version}$${costs}$${salt}$${value}`
}

/** JSON within a text. */
function embedded(text: unknown): PersonRecord {
  try {
    const value: unknown = JSON.parse(String(text))
    if (isRecord(value)) return value
  } catch {
    // The error below does not quote the text, which contains the hash.
  }
  throw refusedRow('has a password without readable secretData and credentialData.')
}
