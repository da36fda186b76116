import { Failure } from '../../errors/failure.ts'
import { type PeopleForm, picked, present, yesOrNoOf } from './people-form.ts'

const members = ['email', 'name', 'email_verified', 'sub', 'claims', 'disabled', 'password_hash']
const claimColumns = [
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
const columns = [...members.filter((name) => name !== 'claims'), ...claimColumns]

/** The form of docs/import.md. Faults of members are reported line by line. */
export const own: PeopleForm = {
  name: 'people as docs/import.md describes them',
  isLenient: false,
  recognises: (record, source) =>
    source === 'json' && (Object.keys(record).length === 0 || members.some((name) => name in record)),
  read: (record) => record,
}

/** The same as CSV: claims have columns of their own. */
export const ownCsv: PeopleForm = {
  name: 'CSV as docs/import.md describes it',
  isLenient: false,
  recognises: (record, source) => source === 'csv' && 'email' in record,
  read(record) {
    const unknown = Object.keys(record).filter((name) => !columns.includes(name))
    if (unknown.length > 0) {
      throw new Failure(
        'csv_column_unknown',
        'invalid',
        `The CSV has columns that are not known: ${unknown.join(', ')}.`,
        {
          detail: { hints: [`remove or rename them; known are ${columns.join(', ')}`] },
        },
      )
    }
    return present({
      ...picked(record, ['email', 'name', 'sub', 'password_hash']),
      email_verified: yesOrNoOf(record['email_verified']),
      disabled: yesOrNoOf(record['disabled']),
      claims: picked(record, claimColumns),
    })
  },
}
