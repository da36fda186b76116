/** Reads bodies of responses up to a limit, since a body may be endless. */

export class BodyTooLong extends Error {
  override name = 'BodyTooLong'
}

/** @throws BodyTooLong; the connection is closed */
export async function readBody(response: Response, most: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  if (!response.body) return new Uint8Array()
  for await (const chunk of response.body) {
    length += chunk.length
    if (length > most) throw new BodyTooLong(`the response is longer than ${most} bytes`)
    chunks.push(chunk)
  }
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

export async function readJson(response: Response, most: number): Promise<unknown> {
  return JSON.parse(new TextDecoder().decode(await readBody(response, most)))
}
