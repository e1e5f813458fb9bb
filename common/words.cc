#include "common/words.h"

#include <cstring>
#include <string_view>

#include "common/distribution.h"

namespace kneepoint {
namespace {

constexpr std::size_t kLetters = 4;
constexpr std::string_view kWords =
    "ableagedalsoareaawaybabybackballbandbankbasebearbeatbeenbellbestbillbirdblowblue"
    "boatbodybookbothbowlburnbusycallcamecampcardcarecasecashchatcityclubcoatcodecold"
    "comecookcoolcopycorecostdarkdatadatedaysdealdeardeepdeskdialdietdoesdonedoordown"
    "drawdrewdropeachearneasteasyedgeelseeveneverexitfacefactfailfairfallfarmfastfear"
    "feedfeelfeetfellfeltfilefillfilmfindfinefirefirmfishfiveflatflowfoodfootformfour"
    "freefromfullgaingamegategavegeargiftgivegladgoalgoesgoldgonegoodgrewgrowhairhalf"
    "hallhandhardhaveheadhearheatheldhelpherehighhillhireholdholehomehopehourhugeidea"
    "intoironitemjoinjumpjustkeepkeptkickkindkneeknewknowlacklaidlakelandlanelastlate"
    "leadleftlesslifeliftlikelinelinklistliveloadlocklonglookloselosslostloveluckmade"
    "mailmainmakemanymarkmassmealmeanmeetmenumilemilkmillmindminemissmodemoodmoonmore"
    "mostmovemuchmustnamenearneckneednewsnextniceninenonenosenoteokayonceonlyontoopen"
    "overpacepackpagepaidpainpairpalmparkpartpasspastpathpeakpickpipeplanplayplotplus"
    "poolpoorportpostpullpurepushracerailrainrankrareratereadrealrest";
static_assert(kWords.size() == 256 * kLetters);

}  // namespace

void append_words(std::string& out, std::uint64_t seed, std::size_t count) {
  if (count == 0) return;
  const std::size_t begin = out.size();
  const bool first = begin == 0;
  out.resize(begin + count * (kLetters + 1) - (first ? 1 : 0));
  char* to = out.data() + begin;
  std::uint64_t draw = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (i % 8 == 0) draw = mix_bits(seed + i / 8 * 0x9E3779B97F4A7C15u);
    if (i > 0 || !first) *to++ = ' ';
    std::memcpy(to, kWords.data() + (draw & 0xff) * kLetters, kLetters);
    to += kLetters;
    draw >>= 8;
  }
}

}  // namespace kneepoint
