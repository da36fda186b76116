import { type PeopleForm, picked, present, textOf, yesOrNoOf } from './people-form.ts'

const claims = [
  'given_name',
  'family_name',
  'middle_name',
  'nickname',
  'preferred_username',
  'profile',
  'picture',
  'website',
  'gender',
  'birthdate',
  'zoneinfo',
  'locale',
  'phone_number',
]

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The CSV of Amazon Cognito's user import, which has no password hashes. */
export const cognito: PeopleForm = {
  name: 'an Amazon Cognito CSV',
  isLenient: true,
  recognises: (record) => 'cognito:username' in record,
  read(record) {
    const username = textOf(record['cognito:username'])
    const address = textOf(record['address'])
    return present({
      // Where people sign in by email, the user name is the sub.
      sub: textOf(record['sub']) ?? (username !== undefined && uuid.test(username) ? username : undefined),
      email: record['email'],
      email_verified: yesOrNoOf(record['email_verified']),
      name: textOf(record['name']),
      claims: present({
        ...picked(record, claims),
        phone_number_verified: yesOrNoOf(record['phone_number_verified']),
        address: address === undefined ? undefined : { formatted: address },
      }),
    })
  },
}
