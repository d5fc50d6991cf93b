/**
 * Writes `session.jsonl`: the commands of an evening of a game community, as its players would give them.
 * The same seed always writes the same evening. Run: `node dist/examples/evening/generate.js [FILE] [SEED]`.
 */
import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import type { Circle, Party, Pick } from './circle.js'
import * as circles from './circle.js'
import { Footprints } from './footprint.js'
import { lateCircle, lateCircleSize } from './late.js'
import { mistakes } from './mistakes.js'
import * as moves from './moves.js'
import type { Move } from './moves.js'
import type { Evening, Line } from './session.js'
import { formatEvening } from './session.js'

const partySizeMax = 5
const circleCount = 86
const circleSize = 7
const commandCountDefault = 20_000
const lateCircleCount = 10
/** Among which commands the late circles begin. */
const lateFrom = 1_000
const inviteMs = 12_000
const graceMs = 5_000
const mistakeShare = 0.05
const admin = 'warden'
const adminShare = 0.004
/** One player in so many drops its socket once. */
const dropOneIn = 50
const words = [
  'gg',
  'left flank',
  'wait for me',
  'one more',
  'nice save',
  'behind you',
  'go go',
  'brb',
  'again?',
]

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
const seeded = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A sensible command for this circle. */
const sensible = (circle: Circle, pick: Pick, chance: () => number): Move => {
  const free = circle.players.filter((player) => circles.partyOf(circle, player) === undefined)
  const founder = pick(free)
  const second = circle.parties.length === 1 && free.length >= 2 && chance() < 0.03
  if (founder !== undefined && (circle.parties.length === 0 || second)) return moves.create(circle, founder)
  const party = pick(circle.parties) as Party
  party.age += 1
  return change(circle, party, pick, chance) ?? talk(party, pick, chance)
}

const talk = (party: Party, pick: Pick, chance: () => number): Move => {
  const player = pick(party.members) ?? party.leader
  if (chance() < 0.12) return moves.info(party, player)
  return moves.chat(party, party.isMuted ? party.leader : player, pick(words) ?? 'hello')
}

/** Something that changes who is in the party or may talk, or nothing when they go on talking. */
const change = (circle: Circle, party: Party, pick: Pick, chance: () => number): Move | undefined => {
  const guest = pick(party.invites.filter((one) => circles.partyOf(circle, one) === undefined))
  const other = pick(party.members.filter((one) => one !== party.leader))
  const friend = pick(circles.strangers(circle, party))
  const rival = pick(
    circle.players.filter((one) => !party.members.includes(one) && circles.partyOf(circle, one)),
  )
  const roll = chance()
  if (guest !== undefined && roll < 0.3) {
    return chance() < 0.9 ? moves.accept(party, guest) : moves.decline(party, guest)
  }
  const room = !circles.isFull(circle, party)
  if (room && friend !== undefined && chance() < 0.25) return moves.invite(party, friend)
  if (room && rival !== undefined && !party.invites.includes(rival) && chance() < 0.02) {
    return moves.invite(party, rival)
  }
  if (chance() < 0.01 && party.invites.length > 0) {
    return moves.cancelInvite(party, pick(party.invites) as string)
  }
  if (other !== undefined && chance() < (party.isMuted ? 0.1 : 0.01)) return moves.mute(party)
  if (other !== undefined && chance() < 0.04) return moves.transfer(party, other)
  if (other !== undefined && chance() < 0.025) return moves.leave(party, other)
  if (other !== undefined && chance() < 0.025) return moves.kick(party, other)
  return party.age > 30 && chance() < 0.04 ? moves.disband(circle, party) : undefined
}

/** What an admin does now and then: ends a party, or finds that it may nothing else in one. */
const byAdmin = (circle: Circle, pick: Pick, chance: () => number): Move | undefined => {
  const party = pick(circle.parties)
  if (party === undefined || party.age < 20 || chance() >= adminShare) return undefined
  if (chance() < 0.7) return moves.disband(circle, party, admin)
  const cmd = pick(['mute', 'chat'] as const) ?? 'mute'
  const uses = [party.name, moves.things.seat(party, admin)]
  return { player: admin, cmd, party: party.name, uses, ...(cmd === 'chat' ? { text: 'behave' } : {}) }
}

/** The rarest mistake that the circle has a chance for now. */
const mistaken = (circle: Circle, pick: Pick, made: number[]): Move | undefined => {
  const party = pick(circle.parties)
  if (party === undefined) return undefined
  const order = mistakes.map((_, at) => at).sort((a, b) => (made[a] ?? 0) - (made[b] ?? 0))
  for (const at of order) {
    const move = mistakes[at]?.(circle, party, pick)
    if (move === undefined) continue
    made[at] = (made[at] ?? 0) + 1
    return move
  }
  return undefined
}

const toLine = (move: Move, n: number, after: readonly number[]): Line => ({
  n,
  player: move.player,
  cmd: move.cmd,
  party: move.party,
  ...(move.target === undefined ? {} : { target: move.target }),
  // No two are the same, so that whoever hears one knows which it was.
  ...(move.text === undefined ? {} : { text: `${move.text} ${n}` }),
  ...(after.length === 0 ? {} : { after }),
})

/** Marks, for one player in fifty, one command in the middle of the evening. */
const withDrops = (lines: readonly Line[], players: readonly string[], chance: () => number): Line[] => {
  const dropped = new Set<number>()
  for (const player of players.filter((_, at) => at % dropOneIn === dropOneIn - 1)) {
    const own = lines.filter((line) => line.player === player && line.cmd !== 'info')
    const line = own[Math.floor(own.length * (0.2 + 0.6 * chance()))]
    if (line !== undefined) dropped.add(line.n)
  }
  return lines.map((line) => (dropped.has(line.n) ? { ...line, drop: true } : line))
}

const playerName = (at: number): string => `p${String(at + 1).padStart(3, '0')}`

/** Adds the circles of those who come too late. */
const addLate = (lines: Line[], players: readonly string[]): void => {
  for (let at = 0; at < lateCircleCount; at += 1) {
    const own = players.slice(at * lateCircleSize, (at + 1) * lateCircleSize)
    const first = lines.length + 1
    for (const { after, ...draft } of lateCircle(`late${at + 1}`, own, { inviteMs, graceMs })) {
      const waits = after === undefined ? {} : { after: after.map((index) => first + index) }
      lines.push({ n: lines.length + 1, ...draft, ...waits })
    }
  }
}

/** Writes the evening of one seed. */
export const writeEvening = (seed: number, commandCount = commandCountDefault): Evening => {
  const chance = seeded(seed)
  const pick: Pick = (from) => from[Math.floor(chance() * from.length)]
  const regular = circleCount * circleSize
  const players = Array.from({ length: regular + lateCircleCount * lateCircleSize }, (_, at) =>
    playerName(at),
  )
  const all: Circle[] = Array.from({ length: circleCount }, (_, at) => ({
    name: `c${at + 1}`,
    players: players.slice(at * circleSize, (at + 1) * circleSize),
    sizeMax: partySizeMax,
    parties: [],
    ended: [],
    named: 0,
  }))
  const footprints = new Footprints()
  const made: number[] = []
  const lines: Line[] = []
  while (lines.length < commandCount) {
    if (lines.length === lateFrom) addLate(lines, players.slice(regular))
    const n = lines.length + 1
    const circle = pick(all) as Circle
    const wrong = chance() < mistakeShare ? mistaken(circle, pick, made) : undefined
    const move = wrong ?? byAdmin(circle, pick, chance) ?? sensible(circle, pick, chance)
    lines.push(toLine(move, n, footprints.enter({ n, player: move.player }, move)))
  }
  const dropping = players.slice(0, regular)
  return {
    seed,
    partySizeMax,
    inviteMs,
    graceMs,
    players: [...players, admin],
    admins: [admin],
    lines: withDrops(lines, dropping, chance),
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [file = 'examples/evening/session.jsonl', seed = '20261120'] = process.argv.slice(2)
  writeFileSync(file, formatEvening(writeEvening(Number(seed))))
}
