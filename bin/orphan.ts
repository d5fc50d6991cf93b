import { readFileSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { storePrefix } from './nats-server.js'

/**
 * Ends a nats-server whose `tumen up` was killed before it could, and removes its store. Only where the
 * system shows the command line of a process (Linux), so that nothing else that has the number now is
 * touched.
 */
export const endOrphan = (pid: number): void => {
  let words: string[] = []
  try {
    words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    return
  }
  const config = words[words.indexOf('-c') + 1] ?? ''
  if (!config.includes(`/${storePrefix}`)) return
  process.kill(pid, 'SIGKILL')
  rmSync(dirname(config), { recursive: true, force: true })
}
