/** The app: who is here, and what they can do. */
import { renewByCookie } from './cookie-renewal.js'
import { element, notice, onPress, show, showAnswer, showPerson } from './page.js'
import { newSession, takeCallback } from './session.js'
import { openStage } from './stage.js'

show('waiting')
const config = await (await fetch('/config.json')).json()
const session = await newSession(config)
const isInCookie = config.refresh_delivery === 'cookie'
let renewals = 0

element('issuer').textContent = new URL(config.issuer).host

onPress('sign-in', () => session.signinRedirect())
onPress('sign-out', () => session.signoutRedirect())
onPress('renew', renew)
const stage = config.services.length > 0 ? openStage(config) : undefined
onPress('revoke', async () => {
  const user = await session.getUser()
  await stage.revoke(user.access_token, await session.metadataService.getRevocationEndpoint())
})
onPress('rotate', () => stage.rotate(renew))
onPress('call-api', async () => {
  const user = await session.getUser()
  const answer = await fetch(`${config.api}/orders`, { headers: { authorization: `Bearer ${user.access_token}` } })
  showAnswer(`${answer.status} ${answer.statusText}`, JSON.stringify(await answer.json(), undefined, 2))
})

session.events.addUserLoaded((user) => {
  // The first one is the sign-in itself.
  if (!element('signed-in').hidden) renewals += 1
  showPerson(user, renewals)
  stage?.watch(user.access_token)
})
session.events.addUserUnloaded(() => show('signed-out'))
session.events.addSilentRenewError(endIfRefused)
// The network was away when the renewal was due: once more, now that it matters.
session.events.addAccessTokenExpired(() => renew().catch((error) => notice(error.message)))
if (isInCookie) session.events.addAccessTokenExpiring(() => renew().catch((error) => notice(error.message)))

async function renew() {
  try {
    await (isInCookie ? renewByCookie(session) : session.signinSilent())
  } catch (error) {
    await endIfRefused(error)
  }
}

/** Signed out elsewhere, or away for too long: the refresh token is dead. A lost connection is not the end. */
async function endIfRefused(error) {
  if (!error.error) return notice('The token could not be renewed just now.')
  await session.removeUser()
  notice('Your session has ended. Please sign in again.')
}

/** Nothing rests in the page: whoever was here before is known by the cookie, if there is one. */
const startFromCookie = () => renewByCookie(session).catch(() => undefined)

notice(await takeCallback(session))
if (isInCookie && !(await session.getUser())) await startFromCookie()
const user = await session.getUser()
if (!user) show('signed-out')
else if (user.expired) await renew()
else {
  showPerson(user, renewals)
  stage?.watch(user.access_token)
}
