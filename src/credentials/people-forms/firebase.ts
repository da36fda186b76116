import { Failure } from '../../errors/failure.ts'
import { readBase64 } from '../hash-base64.ts'
import { signerKeyBytes } from '../imported-digest.ts'
import { type PeopleForm, present, refusedRow, textOf, yesOrNoOf } from './people-form.ts'

/** `hash_config` of a Firebase project, which its user export does not contain. */
export interface FirebaseHashConfig {
  signerKey: Buffer
  saltSeparator: Buffer
  rounds: number
  memCost: number
}

/**
 * Reads the text under "Password hash parameters" in the Firebase console, as pasted or as JSON.
 * @throws Failure `firebase_hash_config_invalid` (invalid); it never quotes the text, which contains the signer key.
 */
export function readFirebaseHashConfig(text: string): FirebaseHashConfig {
  const value = (name: string) => new RegExp(`"?\\b${name}\\b"?\\s*[:=]\\s*"?([A-Za-z0-9+/=_-]+)`).exec(text)?.[1]
  const signerKey = readBase64(value('base64_signer_key') ?? '!')
  const saltSeparator = readBase64(value('base64_salt_separator') ?? '!')
  const [rounds, memCost] = [Number(value('rounds')), Number(value('mem_cost'))]
  const algorithm = value('algorithm')
  const faults = [
    algorithm !== undefined && algorithm !== 'SCRYPT' && 'algorithm must be SCRYPT',
    signerKey?.length !== signerKeyBytes && `base64_signer_key must be ${signerKeyBytes} bytes in base64`,
    !saltSeparator && 'base64_salt_separator must be base64',
    !Number.isInteger(rounds) && 'rounds must be a number',
    !Number.isInteger(memCost) && 'mem_cost must be a number',
  ].filter((fault) => fault !== false)
  if (faults.length > 0 || !signerKey || !saltSeparator) {
    throw new Failure(
      'firebase_hash_config_invalid',
      'invalid',
      `The Firebase hash parameters cannot be read: ${faults.join('; ')}.`,
      {
        detail: {
          hints: ['copy hash_config { … } whole: Firebase console, Authentication, Users, ⋮, Password hash parameters'],
        },
      },
    )
  }
  return { signerKey, saltSeparator, rounds, memCost }
}

/** `firebase auth:export`, as JSON or CSV. */
export const firebase = (config: FirebaseHashConfig | undefined): PeopleForm => ({
  name: 'a Firebase export',
  isLenient: true,
  recognises: (record) => 'localId' in record,
  read(record) {
    const { localId, email, emailVerified, displayName, disabled } = record
    return present({
      sub: localId,
      email,
      email_verified: yesOrNoOf(emailVerified),
      name: textOf(displayName),
      disabled: yesOrNoOf(disabled),
      claims: present({ picture: textOf(record['photoUrl']), phone_number: textOf(record['phoneNumber']) }),
      password_hash: passwordHash(textOf(record['passwordHash']), textOf(record['salt']), config),
    })
  },
})

/** Removes the signer key from the hash, so that no sign-in needs it. */
function passwordHash(
  hash: string | undefined,
  salt: string | undefined,
  config: FirebaseHashConfig | undefined,
): string | undefined {
  if (hash === undefined) return undefined
  if (!config) {
    throw new Failure(
      'firebase_hash_config_needed',
      'invalid',
      'Password hashes of Firebase need its hash parameters.',
      {
        detail: {
          hints: ['put hash_config { … } of the Firebase console into a file, and name it with --firebase-hash-config'],
        },
      },
    )
  }
  const { signerKey, saltSeparator, rounds, memCost } = config
  const [encrypted, saltBytes] = [readBase64(hash), readBase64(salt ?? '')]
  if (encrypted?.length !== signerKey.length || !saltBytes)
    throw refusedRow('has a passwordHash or salt that is not in the form of Firebase.')
  const keyStream = encrypted.map((byte, at) => byte ^ (signerKey[at] ?? 0))
  const wholeSalt = Buffer.concat([saltBytes, saltSeparator]).toString('base64')
  return `$firebase-scrypt$ln=${memCost},r=${rounds}$${wholeSalt}$${Buffer.from(keyStream).toString('base64')}`
}
