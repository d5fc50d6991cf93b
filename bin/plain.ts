/** What goes wrong in the launcher, said in one sentence. */
import { readFileSync } from 'node:fs'
import { StartFailed } from '../lib/errors.js'

/** Ends a command: the sentence goes to stderr, and the exit code is not 0. */
export class Plain extends Error {
  override readonly name = 'Plain'
  constructor(
    readonly sentence: string,
    readonly exitCode = 1,
  ) {
    super(sentence)
  }
}

/** The sentence for anything that was thrown: one line. */
export const sentenceOf = (error: unknown): string => {
  if (error instanceof Plain || error instanceof StartFailed) return error.sentence
  const text = error instanceof Error ? error.message : String(error)
  return text.trim().split('\n')[0] ?? ''
}

/** Gives back a JSON value, or says where it came from, that it is none, and what one looks like. */
export const parseJson = (text: string, what: string, example: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw new Plain(`${what}: expected JSON, such as '${example}'.`, 2)
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'you may not read it',
  EPERM: 'you may not read it',
  EISDIR: 'it is a directory',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of its path is no directory',
}
/** Why the system refused a file, for the middle of a sentence. */
export const fileReason = (error: unknown): string => {
  const { code = 'no reason given' } = error as NodeJS.ErrnoException
  return reasons[code] ?? code
}

/** Reads a text. Throws a sentence that names the file. */
export const readText = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Plain(`${path} cannot be read: ${fileReason(error)}.`)
  }
}

/** Why the last node does not leave just so. */
export const lastNode = (name: string): string =>
  `${name} is the last node: what is only in memory ends with it. ` +
  `To let it leave all the same: tumen drain ${name} --last.`
