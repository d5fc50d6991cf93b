import * as io from 'io-ts'
import t from 'tap'
import { message, nodeMessage, nodeProtocol } from '../../../lib/index.js'
import type { LocalActor } from '../../../lib/kernel/local-actor.js'
import type { AskEnvelope, TellEnvelope, Wire } from '../../../lib/wire/envelope.js'
import { deliverLocal } from '../../../supervisors/node/inbound.js'

const Door = nodeProtocol('door', {
  Knock: message({ times: io.number }),
  Open: message({ by: io.string }).replies(io.number).refuses(io.literal('LOCKED')),
  /** Never leaves its node. */
  Hold: nodeMessage<{ readonly socket: object }>(),
})
interface Asked {
  reply(value: unknown): void
  refuse(value: unknown): void
  fail(error: unknown): void
}

const bench = (hasActor = true) => {
  const told: unknown[] = []
  const asked: { message: unknown; answers: Asked; remainingMs: number; reqId: string }[] = []
  const buried: string[] = []
  const answers: unknown[] = []
  const actor = {
    behavior: { protocol: Door },
    ref: { tell: (one: { tag: string; payload: unknown }) => told.push([one.tag, one.payload]) },
    ask: (message: unknown, answers: Asked, remainingMs: number, reqId: string) =>
      asked.push({ message, answers, remainingMs, reqId }),
  } as unknown as LocalActor
  const receivers = {
    name: 'n1',
    node: { id: 'n1#1' },
    singletons: { has: () => false },
    tree: { local: (kind: string) => (hasActor && kind === 'door' ? actor : undefined) },
    bury: (kind: string, id: string) => buried.push(`${kind}/${id}`),
  }
  const deliver = (envelope: AskEnvelope | TellEnvelope): void =>
    deliverLocal(receivers, envelope, (outcome, payload) => answers.push([outcome, payload]))
  const head = { kind: 'door', id: '', hops: 0 }
  return {
    told,
    asked,
    buried,
    answers,
    tell: (tag: string, payload: Wire) => deliver({ type: 'tell', ...head, tag, payload }),
    ask: (tag: string, payload: Wire) =>
      deliver({ type: 'ask', ...head, tag, payload, asker: 'n2#1', ask: 1, reqId: 'r', remainingMs: 70 }),
  }
}

t.test('inbound - a message is decoded at the door', async (t) => {
  const { tell, ask, told, asked } = bench()
  tell('Knock', { times: 3 })
  t.same(told, [['Knock', { times: 3 }]])
  ask('Open', { by: 'ada' })
  t.match(asked, [{ message: { tag: 'Open', payload: { by: 'ada' } }, remainingMs: 70, reqId: 'r' }])
})

t.test('inbound - an answer leaves in the codec of its message', async (t) => {
  const { ask, asked, answers } = bench()
  ask('Open', { by: 'ada' })
  const [open] = asked
  open?.answers.reply(7)
  open?.answers.refuse('LOCKED')
  open?.answers.fail({ tag: 'Cancelled', address: 'door/n1' })
  t.same(answers, [
    ['reply', 7],
    ['refusal', 'LOCKED'],
    ['error', { tag: 'Cancelled', address: 'door/n1' }],
  ])
})

t.test('inbound - what does not fit is complained about, and never reaches the actor', async (t) => {
  const { tell, ask, told, asked, answers, buried } = bench()
  ask('Open', { by: 7 })
  ask('Knock', { times: 1 })
  ask('Nothing', null)
  t.match(answers, [
    ['error', { tag: 'Malformed', address: 'door/n1', complaints: [/by: expected string/] }],
    ['error', { tag: 'Malformed', complaints: ['no such message Knock'] }],
    ['error', { tag: 'Malformed', complaints: ['no such message Nothing'] }],
  ])
  tell('Knock', { times: 'x' })
  tell('Open', { by: 'ada' })
  t.same(buried, ['door/n1', 'door/n1'])
  t.same([told, asked], [[], []])
})

t.test('inbound - a message that never leaves its node does not come from another', async (t) => {
  const { tell, told, buried } = bench()
  tell('Hold', { socket: {} })
  t.same([told, buried], [[], ['door/n1']])
})

t.test(
  'inbound - without such an actor here an ask has no recipient and a tell is a dead letter',
  async (t) => {
    const { tell, ask, answers, buried } = bench(false)
    ask('Open', { by: 'ada' })
    t.match(answers, [['error', { tag: 'NoRecipient', address: 'door/n1' }]])
    tell('Knock', { times: 1 })
    t.same(buried, ['door/n1'])
  },
)
