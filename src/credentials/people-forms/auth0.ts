import {
  isRecord,
  type PeopleForm,
  type PersonRecord,
  picked,
  present,
  refusedRow,
  textOf,
  yesOrNoOf,
} from './people-form.ts'

/** Auth0's user export, its export of password hashes, and the file format of its bulk import. */
export const auth0: PeopleForm = {
  name: 'an Auth0 export',
  isLenient: true,
  recognises: (record) =>
    'user_id' in record || 'custom_password_hash' in record || ('_id' in record && 'connection' in record),
  read: (record) =>
    present({
      sub: subOf(record),
      email: record['email'],
      email_verified: yesOrNoOf(record['email_verified']),
      name: textOf(record['name']),
      disabled: yesOrNoOf(record['blocked']),
      claims: picked(record, ['given_name', 'family_name', 'nickname', 'picture', 'phone_number']),
      password_hash: record['passwordHash'] ?? record['password_hash'] ?? customHash(record['custom_password_hash']),
    }),
}

/** Tokens contain `auth0|…`; the export of hashes and the bulk import contain only the part after it. */
function subOf(record: PersonRecord): unknown {
  const { _id: id } = record
  const given = record['user_id'] ?? (isRecord(id) ? id['$oid'] : id)
  return typeof given === 'string' && !given.includes('|') ? `auth0|${given}` : given
}

function customHash(custom: unknown): unknown {
  if (!isRecord(custom)) return undefined
  const hash = isRecord(custom['hash']) ? custom['hash'] : {}
  if (['argon2', 'bcrypt', 'pbkdf2', 'ldap'].includes(String(custom['algorithm']))) return hash['value']
  throw refusedRow(
    'has a custom_password_hash of an algorithm that cannot be imported; argon2, bcrypt, pbkdf2 and ldap can.',
  )
}
