// The words of the pages, in the reader's language. English stands in where a language lacks one.

import { signal } from "./signals.js";
import fluent from "./fluent.js";
import wordlist from "./wordlist.js";

const bundles = Object.fromEntries(Object.entries(wordlist).map(([locale, text]) => {
  const bundle = new fluent.FluentBundle(locale, { useIsolating: false });
  bundle.addResource(new fluent.FluentResource(text));
  return [locale, bundle];
}));

export const locales = Object.keys(bundles);

/** The language of the page, a signal: what reads it is drawn again when it changes. */
export const locale = signal(nearest(document.documentElement.lang));

/** The language that serves a tag best, or English. */
export function nearest(tag) {
  const wanted = (tag || "").toLowerCase();
  return locales.find((name) => name.toLowerCase() === wanted)
    || locales.find((name) => name.split("-")[0].toLowerCase() === wanted.split("-")[0]) || "en";
}

/** The message called `id` with its arguments filled in. */
export function t(id, args) {
  for (const bundle of [bundles[locale.value], bundles.en]) {
    const message = bundle.getMessage(id);
    if (message?.value) return bundle.formatPattern(message.value, args);
  }
  return id;
}

/** The same, or undefined where there is no such message. */
export function known(id) {
  return bundles.en.hasMessage(id) ? t(id) : undefined;
}
