/** The words of each language, as Fluent has them; the server makes this module. */
declare const words: Record<string, string>;
export default words;
