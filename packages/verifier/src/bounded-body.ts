/** Bodies of answers, which may be endless: read so far and no further. */

export class BodyTooLong extends Error {
  override name = 'BodyTooLong'
}

/** @throws BodyTooLong, and the connection is given up */
export async function readBody(response: Response, most: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  if (!response.body) return new Uint8Array()
  for await (const chunk of response.body) {
    length += chunk.length
    if (length > most) throw new BodyTooLong(`the answer is longer than ${most} bytes`)
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
