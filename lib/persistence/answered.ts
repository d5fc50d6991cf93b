/** What a persistent actor has answered, by `reqId`: kept with the entries, so that it outlives the actor. */
import * as t from 'io-ts'

export const answerCodec = t.intersection([
  t.type({ reqId: t.string, tag: t.string }),
  /** As it is encoded; absent for a reply without a value. */
  t.partial({ reply: t.unknown }),
])
export type Answer = t.TypeOf<typeof answerCodec>

/** The last ones are remembered. */
const answersCountMax = 256

export class Answers {
  readonly #byReqId = new Map<string, Answer>()

  add(answer: Answer): void {
    this.#byReqId.delete(answer.reqId)
    this.#byReqId.set(answer.reqId, answer)
    for (const oldest of this.#byReqId.keys()) {
      if (this.#byReqId.size <= answersCountMax) break
      this.#byReqId.delete(oldest)
    }
  }

  find(reqId: string, tag: string): Answer | undefined {
    const answer = this.#byReqId.get(reqId)
    return answer?.tag === tag ? answer : undefined
  }

  all(): readonly Answer[] {
    return [...this.#byReqId.values()]
  }
}
