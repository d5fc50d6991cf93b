/** Snapshots of shards as files of one directory. */
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SnapshotStore } from './protocol.js'

/** A longer file is not one of ours. */
const fileBytesMax = 1024 * 1024 * 1024

const isMissing = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === 'ENOENT'

/**
 * Keeps the snapshots of `mirrored({ snapshotOnLeave: true })` as files of this directory, one per shard; it
 * is made when the first one is written. A file is written whole under another name and then moved, so a
 * broken one is never read as a good one.
 *
 * Gotcha: each shard is read by the node that begins it, so all nodes need the same directory.
 */
export const snapshotFiles = (directory: string): SnapshotStore => {
  const pathOf = (name: string): string => join(directory, `${encodeURIComponent(name)}.json`)
  return {
    write: async (name, text) => {
      await mkdir(directory, { recursive: true })
      const path = pathOf(name)
      await writeFile(`${path}.new`, text, { flush: true })
      await rename(`${path}.new`, path)
    },
    read: async (name) => {
      try {
        const { size } = await stat(pathOf(name))
        if (size > fileBytesMax) throw new Error(`it has ${size} bytes, more than ${fileBytesMax}`)
        return await readFile(pathOf(name), 'utf8')
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
    },
    remove: (name) => rm(pathOf(name), { force: true }),
    setAside: async (name, mark) => {
      const aside = `${pathOf(name)}.${mark}`
      await rename(pathOf(name), aside)
      return aside
    },
  }
}
