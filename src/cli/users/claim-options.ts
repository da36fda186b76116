/** `--claim name=value` and `--remove-claim name`: the standard claims of a person besides name and email. */
import { profileClaimNames } from '../../accounts/profile-claims.ts'
import { nearestWord } from '../../errors/nearest-word.ts'
import { quoted } from '../../events/plain-text.ts'
import { wrongUsage } from '../usage.ts'

/** The claims for `changedProfile`; null removes a claim. @throws Failure `claim_malformed`, `claim_unknown`. */
export function claimsOf(set: readonly string[], remove: readonly string[]): Record<string, unknown> {
  const removed = remove.map((name) => [checkedName(name), null] as const)
  return Object.fromEntries([...removed, ...set.map(assigned)])
}

function assigned(given: string): readonly [string, unknown] {
  const end = given.indexOf('=')
  if (end < 1) {
    throw wrongUsage('claim_malformed', `The claim ${quoted(given)} has no value: write name=value, such as locale=en.`)
  }
  const name = checkedName(given.slice(0, end))
  if (name === 'address') {
    throw wrongUsage('claim_malformed', 'An address has members: write address.locality=London, for example.')
  }
  const value = given.slice(end + 1)
  if (value === '') {
    throw wrongUsage('claim_malformed', `The claim ${name} has no value. To remove it, write --remove-claim ${name}.`)
  }
  const isSwitch = name === 'phone_number_verified' && ['true', 'false'].includes(value)
  return [name, isSwitch ? value === 'true' : value]
}

function checkedName(name: string): string {
  if (profileClaimNames.includes(name)) return name
  if (['email', 'email_verified', 'name'].includes(name)) {
    const option = `--${name.replace('_', '-')}`
    throw wrongUsage('claim_unknown', `The claim ${name} has its own option: ${option}.`)
  }
  const nearest = nearestWord(name, profileClaimNames)
  const known = nearest ? `did you mean ${nearest}?` : `known are ${profileClaimNames.join(', ')}.`
  throw wrongUsage('claim_unknown', `There is no claim ${quoted(name)}; ${known}`)
}
