/** What goes wrong in the launcher, said in one sentence. */
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

/** The sentence for anything that was thrown. */
export const sentenceOf = (error: unknown): string => {
  if (error instanceof Plain || error instanceof StartFailed) return error.sentence
  if (error instanceof Error) return error.message
  return String(error)
}

/** Gives back a JSON value, or says where it came from and that it is none. */
export const parseJson = (text: string, what: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw new Plain(`${what}: expected JSON, such as '{"Info":null}'.`, 2)
  }
}
