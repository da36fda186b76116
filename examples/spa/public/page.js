/** What the person sees. Text goes in as text, never as markup. */
const sections = ['waiting', 'signed-out', 'signed-in']

export const element = (id) => document.getElementById(id)

export function show(section) {
  for (const id of sections) element(id).hidden = id !== section
}

/** @param {string | undefined} sentence nothing takes the last one away */
export function notice(sentence) {
  element('notice').hidden = !sentence
  element('notice').textContent = sentence ?? ''
}

/** @param {import('oidc-client-ts').User} user */
export function showPerson({ profile, expires_at }, renewals) {
  element('who').textContent = profile.name ?? profile.email ?? profile.sub
  element('subject').textContent = profile.sub
  element('email').textContent = profile.email ?? 'not shared'
  element('expires').textContent = new Date(expires_at * 1000).toLocaleTimeString()
  element('renewals').textContent = renewals === 0 ? '' : `(renewed ${renewals === 1 ? 'once' : `${renewals} times`})`
  show('signed-in')
}

export function showAnswer(status, body) {
  element('api-status').textContent = status
  element('api-answer').textContent = body
  element('answer').hidden = false
}

/** Runs `act` when the button is pressed; the button waits for it, and a failure becomes a sentence. */
export function onPress(id, act) {
  element(id).addEventListener('click', async () => {
    element(id).disabled = true
    notice(undefined)
    try {
      await act()
    } catch (error) {
      notice(error instanceof TypeError ? 'The server could not be reached.' : error.message)
    } finally {
      element(id).disabled = false
    }
  })
}
