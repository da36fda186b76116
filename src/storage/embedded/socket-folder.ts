/** Gives a data folder a name that is short enough for a Unix socket path. */
import { createHash } from 'node:crypto'
import { lstat, mkdir, readlink, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Failure } from '../../errors/failure.ts'

/** Longest folder name, in bytes, whose socket path fits on every system (macOS allows 103 bytes, Linux 107). */
const longest = 80

/**
 * The folder itself, or a symbolic link to it in a private folder under the temporary directory.
 * The link's name is a hash of the folder, so that every command finds the same link.
 */
export async function socketFolder(data: string): Promise<string> {
  if (Buffer.byteLength(data) <= longest) return data
  const uid = process.getuid?.() ?? 0
  const home = join(tmpdir(), `claviger-${uid}`)
  const name = join(home, createHash('sha256').update(data).digest('hex').slice(0, 16))
  await mkdir(home, { recursive: true, mode: 0o700 })
  const found = await lstat(home)
  // A folder of another user could point this process to another server.
  if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o022) !== 0) {
    throw new Failure(
      'socket_folder_foreign',
      'denied',
      `${home} belongs to another user, or other users may write there. Remove it, or choose a shorter CLAVIGER_DATA_DIR.`,
    )
  }
  try {
    await symlink(data, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || (await readlink(name)) !== data) throw error
  }
  return name
}
