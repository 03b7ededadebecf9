// SPDX-License-Identifier: Apache-2.0

/// How a file's characters are encoded.
public enum TextEncoding: Sendable, Equatable {
  /// UTF-8; one with a byte order mark of UTF-16 is read as that.
  case utf8
  /// UTF-16, its bytes in the order the mark says, else in this one.
  case utf16(isBigEndian: Bool)
  /// One byte a character: those of 128 to 255, as Unicode scalars.
  case singleByte([UInt32])

  /// The encoding with this IANA name, in any case; nil for one that is not known.
  public init?(name: String) {
    switch name.lowercased() {
    case "", "utf-8", "utf8", "us-ascii", "ascii": self = .utf8
    case "utf-16", "utf-16be", "utf16", "utf16be": self = .utf16(isBigEndian: true)
    case "utf-16le", "utf16le": self = .utf16(isBigEndian: false)
    case "iso-8859-1", "latin1", "l1", "iso_8859-1": self = .singleByte(Array(128...255))
    case let name:
      let plain = Self.aliases[name] ?? name
      guard let table = Self.tables[plain] else { return nil }
      self = .singleByte(table.unicodeScalars.map(\.value))
    }
  }

  /// The names that are known, for messages.
  public static var names: [String] {
    (["utf-8", "utf-16", "utf-16le", "utf-16be", "us-ascii", "iso-8859-1"] + tables.keys).sorted()
  }

  /// What a file in this encoding is in that begins with `head`, and how many bytes its byte order mark has.
  func resolved(head: Span<UInt8>) -> (encoding: TextEncoding, markBytes: Int) {
    func begins(_ mark: [UInt8]) -> Bool {
      head.count >= mark.count && mark.indices.allSatisfy { head[$0] == mark[$0] }
    }
    if case .singleByte = self { return (self, 0) }
    if begins([0xef, 0xbb, 0xbf]) { return (.utf8, 3) }
    if begins([0xff, 0xfe]) { return (.utf16(isBigEndian: false), 2) }
    if begins([0xfe, 0xff]) { return (.utf16(isBigEndian: true), 2) }
    return (self, 0)
  }

  /// The bytes of a character, or of half a character outside the basic plane.
  var unitBytes: Int {
    if case .utf16 = self { return 2 }
    return 1
  }

  private static let aliases = [
    "cp1250": "windows-1250", "cp1251": "windows-1251", "cp1252": "windows-1252", "latin2": "iso-8859-2",
    "latin9": "iso-8859-15", "latin-9": "iso-8859-15", "cp850": "ibm850", "iso_8859-2": "iso-8859-2",
    "iso_8859-15": "iso-8859-15",
  ]

  /// Bytes 128 to 255, in order.
  private static let tables: [String: String] = [
    "windows-1250":
      "€\u{fffd}‚\u{fffd}„…†‡\u{fffd}‰Š‹ŚŤŽŹ\u{fffd}‘’“”•–—\u{fffd}™š›śťžź\u{a0}ˇ˘Ł¤Ą¦§¨©Ş«¬\u{ad}®Ż°±˛ł´µ¶"
      + "·¸ąş»Ľ˝ľżŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢßŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙",
    "windows-1251":
      "ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\u{fffd}™љ›њќћџ\u{a0}ЎўЈ¤Ґ¦§Ё©Є«¬\u{ad}®Ї°±Ііґµ¶·ё№є»јЅѕїАБВГДЕЖЗИЙКЛМНОПРСТ"
      + "УФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя",
    "windows-1252":
      "€\u{fffd}‚ƒ„…†‡ˆ‰Š‹Œ\u{fffd}Ž\u{fffd}\u{fffd}‘’“”•–—˜™š›œ\u{fffd}žŸ\u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶"
      + "·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ",
    "iso-8859-2":
      "\u{80}\u{81}\u{82}\u{83}\u{84}\u{85}\u{86}\u{87}\u{88}\u{89}\u{8a}\u{8b}\u{8c}\u{8d}\u{8e}\u{8f}"
      + "\u{90}\u{91}\u{92}\u{93}\u{94}\u{95}\u{96}\u{97}\u{98}\u{99}\u{9a}\u{9b}\u{9c}\u{9d}\u{9e}\u{9f}"
      + "\u{a0}Ą˘Ł¤ĽŚ§¨ŠŞŤŹ\u{ad}ŽŻ°ą˛ł´ľśˇ¸šşťź˝žżŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢßŕáâăäĺćçčéęëěíîďđńňóôőö÷řů"
      + "úűüýţ˙",
    "iso-8859-5":
      "\u{80}\u{81}\u{82}\u{83}\u{84}\u{85}\u{86}\u{87}\u{88}\u{89}\u{8a}\u{8b}\u{8c}\u{8d}\u{8e}\u{8f}"
      + "\u{90}\u{91}\u{92}\u{93}\u{94}\u{95}\u{96}\u{97}\u{98}\u{99}\u{9a}\u{9b}\u{9c}\u{9d}\u{9e}\u{9f}"
      + "\u{a0}ЁЂЃЄЅІЇЈЉЊЋЌ\u{ad}ЎЏАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя№ёђѓєѕіїјљ"
      + "њћќ§ўџ",
    "iso-8859-15":
      "\u{80}\u{81}\u{82}\u{83}\u{84}\u{85}\u{86}\u{87}\u{88}\u{89}\u{8a}\u{8b}\u{8c}\u{8d}\u{8e}\u{8f}"
      + "\u{90}\u{91}\u{92}\u{93}\u{94}\u{95}\u{96}\u{97}\u{98}\u{99}\u{9a}\u{9b}\u{9c}\u{9d}\u{9e}\u{9f}"
      + "\u{a0}¡¢£€¥Š§š©ª«¬\u{ad}®¯°±²³Žµ¶·ž¹º»ŒœŸ¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øù"
      + "úûüýþÿ",
    "koi8-r":
      "─│┌┐└┘├┤┬┴┼▀▄█▌▐░▒▓⌠■∙√≈≤≥\u{a0}⌡°²·÷═║╒ё╓╔╕╖╗╘╙╚╛╜╝╞╟╠╡Ё╢╣╤╥╦╧╨╩╪╫╬©юабцдефгхийклмнопярстужвьызшэщч"
      + "ъЮАБЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЫЗШЭЩЧЪ",
    "ibm850":
      "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒ"
      + "õÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}",
  ]
}
