import { isRecord, type PeopleForm, present, refusedRow, textOf } from './people-form.ts'

/** `manage.py dumpdata auth.user`, or a user model with the same fields. */
export const django: PeopleForm = {
  name: 'a Django dump',
  isLenient: true,
  recognises: (record) => typeof record['model'] === 'string' && isRecord(record['fields']),
  read(record) {
    const fields = isRecord(record['fields']) ? record['fields'] : {}
    if (!('password' in fields)) throw refusedRow(`is not a user but ${JSON.stringify(record['model'])}.`)
    const [first, last] = [textOf(fields['first_name']), textOf(fields['last_name'])]
    const username = textOf(fields['username'])
    // Django writes an exclamation mark first when a user has no password.
    const password = textOf(fields['password'])
    return present({
      email: fields['email'],
      name: [first, last].filter((part) => part !== undefined).join(' ') || undefined,
      disabled: fields['is_active'] === false,
      claims: present({
        given_name: first,
        family_name: last,
        preferred_username: username === fields['email'] ? undefined : username,
      }),
      password_hash: password?.startsWith('!') ? undefined : password,
    })
  },
}
