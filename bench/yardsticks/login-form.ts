/** The smallest sign-in that has the fields and buttons of Claviger's: any name, one password, no hash. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Provider } from 'oidc-provider'

const page = (uid: string) => `<!doctype html><title>Sign in</title><h1>Sign in</h1>
<form method="post" action="/interaction/${uid}"><input name="login"><input name="password" type="password">
<button id="sign-in">Sign in</button></form>`

async function readForm(req: IncomingMessage): Promise<URLSearchParams> {
  let text = ''
  for await (const chunk of req) text += chunk
  return new URLSearchParams(text)
}

/** Answers `/interaction/:uid`: the form on GET, the sign-in on POST. */
export async function answerInteraction(
  provider: Provider,
  password: string,
  req: IncomingMessage,
  res: ServerResponse,
) {
  const { uid } = await provider.interactionDetails(req, res)
  if (req.method !== 'POST') {
    res.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page(uid))
    return
  }
  const form = await readForm(req)
  if (form.get('password') !== password) {
    res.writeHead(422, { 'content-type': 'text/html; charset=utf-8' }).end(page(uid))
    return
  }
  await provider.interactionFinished(req, res, { login: { accountId: String(form.get('login')), amr: ['pwd'] } })
}
